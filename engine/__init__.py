"""The self-hosted Code Interpreter: an OpenAI-compatible server over sandboxed Jupyter kernels."""
