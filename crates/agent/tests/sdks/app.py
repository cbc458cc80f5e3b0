"""The Python SDK as one of those that are tried at the doors: `shared|fresh
COUNT [PAUSE_MILLIS]` prints what it is, then a line for each time that
credentials were asked for. Clients share credentials by session."""

import json
import sys
import time

import boto3
import boto3.session


def say(**line):
    print(json.dumps(line), flush=True)


shared, count = sys.argv[1] == "shared", int(sys.argv[2])
pause = int(sys.argv[3]) / 1000 if len(sys.argv) > 3 else 0
say(sdk=boto3.__version__)
session = None
for turn in range(count):
    begun = time.perf_counter()
    micros = lambda: int((time.perf_counter() - begun) * 1e6)
    try:
        if session is None or not shared:
            session = boto3.session.Session()
        found = session.get_credentials()
        if found is None:
            say(error="no credentials", micros=micros())
        else:
            key = found.get_frozen_credentials().access_key
            say(key=key[-4:], micros=micros())
    except Exception as error:
        say(error=str(error), micros=micros())
    if turn + 1 < count:
        time.sleep(pause)
