"""The engine, as the core sees it. The only package that imports `openai`."""

from bot.interpreter.client import Interpreter
from bot.interpreter.files import ContainerFile, Upload
from bot.interpreter.request import FreshContainer, Question
from bot.interpreter.warm import warm_up

__all__ = ["ContainerFile", "FreshContainer", "Interpreter", "Question", "Upload", "warm_up"]
