"""The pages that a person sees while signing in, and what a browser sends back: the forms, the session cookie."""

from html import escape
from urllib.parse import parse_qs

from .messages import HTML, Request, Response, login_page, redirect
from .oauth_data import AuthorizationCode, OAuthClient
from .oauth_metadata import AUTH_PATH
from .world import User, World

SESSION_COOKIE = "session"


def login(world: World, request: Request) -> Response:
    """Return the sign-in form, or sign in as the user who was clicked and go on where the form was asked for."""
    chosen = form_of(request).get("user") if request.method == "POST" else None
    user = next((user for user in world.users if user.name == chosen), None)
    if user is None:
        return login_page(_sign_in_form(world.users, request.raw_query))
    wanted = request.query.get("next", "/")
    local = wanted if wanted.startswith("/") and not wanted.startswith(("//", "/\\")) else "/"
    location = f"{AUTH_PATH}/authorize?{request.raw_query}" if "client_id" in request.query else local
    return redirect(302, location).with_header(
        "set-cookie", f"{SESSION_COOKIE}={user.id}; Path=/; HttpOnly; SameSite=Lax"
    )


def consent(client: OAuthClient, value: str, code: AuthorizationCode, user: User) -> Response:
    """Return the page on which a person approves or denies the authorization code of this value."""
    scopes = "".join(f"<li>{escape(scope)}</li>" for scope in code.scopes)
    body = (
        f"<h1>{escape(client.name or client.id)} asks for access to Mogplex</h1>"
        f"<p>You are signed in as {escape(user.name)}. It asks for:</p><ul>{scopes}</ul>"
        f'<form method="post" action="{AUTH_PATH}/consent"><input type="hidden" name="code" value="{value}">'
        '<button id="approve" name="decision" value="approve">Approve</button> '
        '<button id="deny" name="decision" value="deny">Deny</button></form>'
    )
    return _page("Allow access", body)


def error_page(request: Request) -> Response:
    """Return the page for errors that must not go to an unverified redirect URI."""
    return _page("Error", f"<h1>Error</h1><p>{escape(request.query.get('error', 'unknown'))}</p>")


def signed_in_user(world: World, request: Request) -> User | None:
    """Return the user of the session cookie, else `signed_in` of the authorization server; None without both."""
    cookies = [part.strip().partition("=") for part in request.headers.get("cookie", "").split(";")]
    identifier = next((value for name, _, value in cookies if name == SESSION_COOKIE), world.oauth.signed_in)
    return next((user for user in world.users if user.id == identifier), None)


def form_of(request: Request) -> dict[str, str]:
    """Read a form-encoded body: name to first value."""
    pairs = parse_qs(request.body.decode("utf-8", errors="replace"), keep_blank_values=True)
    return {name: values[0] for name, values in pairs.items()}


def _sign_in_form(users: list[User], raw_query: str) -> str:
    buttons = " ".join(
        f'<button name="user" value="{escape(user.name)}">Sign in as {escape(user.name)}</button>' for user in users
    )
    return f'<form method="post" action="/login?{escape(raw_query)}">{buttons}</form>'


def _page(title: str, body: str) -> Response:
    text = f'<!DOCTYPE html><html lang="en"><head><title>{title}</title></head><body>{body}</body></html>'
    return Response(200, text.encode(), [("content-type", HTML)])
