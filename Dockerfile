# Serves MCP over HTTP at port 8765, for callers who bring their own tokens:
#
#   docker build --tag mogplex-mcp .
#   docker run --publish 8765:8765 --env MOGPLEX_MCP_ALLOWED_HOSTS=mcp.example.com mogplex-mcp
#
# MCP over stdio: docker run --interactive --rm --env MOGPLEX_API_KEY mogplex-mcp --log-level warning

FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY server server
RUN python -m venv /opt/mogplex-mcp && /opt/mogplex-mcp/bin/pip install --no-cache-dir '.[postgres,metrics]'

FROM python:3.13-slim
# The MCP registry reads it, as proof that the image belongs to its entry.
LABEL io.modelcontextprotocol.server.name="com.mogplex/mogplex-mcp"
RUN useradd --uid 10001 --create-home --home-dir /var/lib/mogplex-mcp mogplex
COPY --from=build /opt/mogplex-mcp /opt/mogplex-mcp
ENV PATH=/opt/mogplex-mcp/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MOGPLEX_MCP_HOST=0.0.0.0 \
    MOGPLEX_MCP_PORT=8765 \
    MOGPLEX_MCP_METRICS_HOST=0.0.0.0 \
    MOGPLEX_MCP_STATE_FILE=/var/lib/mogplex-mcp/state.sqlite3
USER 10001
# The journal of runs: what is started twice is found in it.
VOLUME /var/lib/mogplex-mcp
EXPOSE 8765
# Through no proxy, and by a name that is always allowed.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["python", "-c", "import http.client, os, sys; it = http.client.HTTPConnection('127.0.0.1', int(os.environ['MOGPLEX_MCP_PORT']), timeout=4); it.request('GET', '/healthz'); sys.exit(it.getresponse().status != 200)"]
ENTRYPOINT ["mogplex-mcp"]
CMD ["http"]
