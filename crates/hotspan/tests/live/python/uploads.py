"""A WSGI application that uploads to S3; who watches it is up to the caller.

GET /up?n=10&mode=a   n uploads through one shared client
GET /up?n=10&mode=b   n uploads, a new client of the default session for each
GET /up?n=10&mode=c   n uploads, a new session and client for each
"""

import os
import wsgiref.simple_server
from urllib.parse import parse_qs

import boto3

_shared = []


def _client(session=boto3):
    return session.client("s3", endpoint_url=os.environ["S3_ENDPOINT"])


def _client_for(mode):
    if mode == "c":
        return _client(boto3.Session())
    if mode == "b":
        return _client()
    if not _shared:
        _shared.append(_client())
    return _shared[0]


def application(environ, start_response):
    query = parse_qs(environ["QUERY_STRING"])
    count = int(query["n"][0])
    for record in range(count):
        _client_for(query["mode"][0]).put_object(Bucket="lab", Key=f"python/{record}", Body=b"x")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(count).encode()]


def serve(watched):
    """Serves on a free port and prints it."""
    with wsgiref.simple_server.make_server("127.0.0.1", 0, watched) as server:
        print(f"ready http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
