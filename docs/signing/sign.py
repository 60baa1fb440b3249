"""The headers that sign a push: PANDA_SIGNING_SECRET=whsec_… python3 sign.py BODY-FILE ID [SECONDS] > headers.txt"""

import base64
import hashlib
import hmac
import os
import sys
import time
from pathlib import Path

body, id = Path(sys.argv[1]).read_bytes(), sys.argv[2]
timestamp = sys.argv[3] if len(sys.argv) > 3 else str(int(time.time()))
key = base64.b64decode(os.environ["PANDA_SIGNING_SECRET"].removeprefix("whsec_"))
signed = f"{id}.{timestamp}.".encode() + body
signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
sys.stdout.write(f"webhook-id: {id}\nwebhook-timestamp: {timestamp}\nwebhook-signature: v1,{signature}\n")
