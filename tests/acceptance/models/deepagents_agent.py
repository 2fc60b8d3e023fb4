"""A scripted model for Deep Agents, which is one for LangChain."""

from langchain_agent import MODEL

__all__ = ["MODEL"]
