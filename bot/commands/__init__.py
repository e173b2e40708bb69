"""What a person can do besides asking, once for every platform. Adapters only translate.

One module a group of commands; `registry` reads arguments, checks rights and answers failures.
"""
