# SPDX-License-Identifier: MIT
"""Local servers that speak the REST APIs of Zenodo's deposits and of a Hugging Face hub."""

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

SHA = "0123456789abcdef0123456789abcdef01234567"


class Base(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(length)
        path = unquote(urlsplit(self.path).path)
        self.server.log.append((self.command, path))
        fault = self.server.faults.pop((self.command, path), None)
        if fault:
            return self.send(fault, {"message": "as planned"})
        return self.route(path, body)

    do_GET = do_HEAD = do_POST = do_PUT = handle_any  # noqa: N815  # names of http.server

    def send(self, code, values=None, headers=None, data=None):
        data = json.dumps(values or {}).encode() if data is None else data
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *args):
        pass


class Zenodo(Base):
    """Depositions: create, read, upload into the bucket, metadata, publish."""

    def route(self, path, body):
        server = self.server
        if self.headers.get("Authorization") != "Bearer secret":
            return self.send(401, {"message": "Unauthorized"})
        root = "/api/deposit/depositions"
        if path == root and self.command == "POST":
            number = 100 + len(server.drafts)
            server.drafts[number] = {"id": number, "submitted": False, "files": {}, "metadata": {}}
            return self.send(201, self.show(number))
        if path.startswith("/api/files/") and self.command == "PUT":
            number, _, name = path.removeprefix("/api/files/").partition("/")
            if server.damage == name:
                body, server.damage = body[:-1] + b"?", ""
            server.drafts[int(number)]["files"][name] = body
            return self.send(201, {"checksum": f"md5:{hashlib.md5(body).hexdigest()}"})
        number = int(path.removeprefix(f"{root}/").split("/")[0])
        if number not in server.drafts:
            return self.send(404, {"message": "no such deposit"})
        draft = server.drafts[number]
        if path.endswith("/actions/publish") and self.command == "POST":
            missing = [k for k in ("title", "creators", "license") if k not in draft["metadata"]]
            if missing or not draft["files"]:
                return self.send(400, {"message": "Validation error."})
            draft["submitted"] = True
            return self.send(202, {**self.show(number), "doi": f"10.5072/zenodo.{number}"})
        if self.command == "PUT":
            draft["metadata"] = json.loads(body)["metadata"]
            if not draft["metadata"].get("creators"):
                faults = [{"field": "metadata.creators", "message": "required"}]
                return self.send(400, {"message": "Validation error.", "errors": faults})
        return self.send(200, self.show(number))

    def show(self, number):
        draft, url = self.server.drafts[number], self.server.url
        files = [
            {"filename": name, "filesize": len(data), "checksum": hashlib.md5(data).hexdigest()}
            for name, data in draft["files"].items()
        ]
        bucket = self.server.bucket or f"{url}/api/files"
        links = {"bucket": f"{bucket}/{number}", "html": f"{url}/deposit/{number}"}
        return {**draft, "files": files, "links": links}


class Hub(Base):
    """One dataset repository: tree, files, commits without LFS; `gated` refuses downloads."""

    def route(self, path, body):
        server = self.server
        if path == "/api/repos/create":
            server.made = json.loads(body)
            name = f"{server.made.get('organization') or 'jo'}/{server.made['name']}"
            return self.send(200, {"url": f"{server.url}/datasets/{name}", "name": name})
        if path == "/api/validate-yaml":
            return self.send(200, {"errors": [], "warnings": []})
        if path == "/api/whoami-v2":
            return self.send(200, {"name": "jo", "orgs": []})
        if path.startswith("/datasets/jo/music/resolve/"):
            return self.file(path.split("/", 6)[-1])
        if path == "/api/datasets/jo/music" and not server.gated:
            return self.repository("revision/main", body)
        if not path.startswith("/api/datasets/jo/music/") or server.gated:
            code = "GatedRepo" if server.gated else "RepoNotFound"
            return self.send(403 if server.gated else 404, {}, {"X-Error-Code": code})
        return self.repository(path.removeprefix("/api/datasets/jo/music/"), body)

    def repository(self, path, body):
        server = self.server
        verb = path.split("/")[0]
        if verb == "preupload":
            wanted = json.loads(body)["files"]
            files = [{"path": f["path"], "uploadMode": "regular"} for f in wanted]
            for item in files:
                item["shouldIgnore"] = False
            return self.send(200, {"files": files})
        if verb == "commit":
            for line in body.splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    content = base64.b64decode(entry["value"]["content"])
                    server.files[entry["value"]["path"]] = content
            server.commits += 1
            page = f"{server.url}/datasets/jo/music/commit/{SHA}"
            return self.send(200, {"commitUrl": page, "commitOid": SHA, "success": True})
        if verb == "tree":
            entries = [
                {"type": "file", "path": name, "size": len(data), "oid": SHA}
                for name, data in server.files.items()
            ]
            return self.send(200, data=json.dumps(entries).encode())
        siblings = [{"rfilename": name} for name in server.files]
        return self.send(200, {"id": "jo/music", "sha": SHA, "siblings": siblings})

    def file(self, name):
        data = self.server.files.get(name)
        if self.server.gated:
            return self.send(403, {}, {"X-Error-Code": "GatedRepo"})
        if data is None:
            headers = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": SHA}
            return self.send(404, {}, headers)
        headers = {"ETag": f'"{hashlib.sha1(data).hexdigest()}"', "X-Repo-Commit": SHA}
        return self.send(200, headers=headers, data=data)


@contextmanager
def serve(kind):
    """Run one of these servers; its state is in attributes of what is yielded."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    server.log, server.faults, server.drafts, server.files = [], {}, {}, {}
    server.damage, server.gated, server.commits, server.made = "", False, 0, {}
    server.bucket = ""
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
