"""Reviews of pull requests."""

from mogplex_mcp.api.models import ReviewRerun
from mogplex_mcp.operations.context import OperationContext


async def rerun_pr_review(context: OperationContext, *, repo: str, pr_number: int) -> ReviewRerun:
    """Queue one more review of a pull request, which costs money each time.

    Args:
        context: The circumstances of the call.
        repo: `owner/name` or an id.
        pr_number: The number of the pull request.

    Raises:
        MogplexError: The repository could not be found, or Mogplex refused.
    """
    found = await context.tenant.repos.find(repo)
    return await context.tenant.mogplex.rerun_pr_review(found.id, pr_number)
