"""JupyterLab behind its token: pages without it, a kernel and a terminal over WebSocket."""

import base64
import importlib.util
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import websocket
from doors import FACT, JUPYTER_PORT, served
from proof import Detail, prove, require

HERE = f'127.0.0.1:{JUPYTER_PORT}'
PATIENCE_SECONDS = 60
PLOT = '%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()'
PNG = b'\x89PNG\r\n'
# Run by Python, Jupyter or IPython wherever these read the person's settings.
TEMPTATIONS = [
    f'.local/lib/python3.{sys.version_info.minor}/site-packages/usercustomize.py',
    '.jupyter/jupyter_config.py',
    '.jupyter/jupyter_server_config.py',
    '.jupyter/jupyter_lab_config.py',
    '.local/etc/jupyter/jupyter_server_config.py',
    '.ipython/profile_default/startup/00-first.py',
    'jupyterlab.py',
]


def ask(path: str, token: str | None, method: str = 'GET', sent: object = None) -> tuple[int, str]:
    """Status and body; with the gateway's header where a token is given."""
    headers = {'Authorization': f'token {token}'} if token else {}
    content = None if sent is None else json.dumps(sent).encode()
    request = urllib.request.Request(f'http://{HERE}{path}', content, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def dial(path: str, token: str) -> websocket.WebSocket:
    """A WebSocket as the gateway opens it."""
    header = [f'Authorization: token {token}']
    return websocket.create_connection(f'ws://{HERE}{path}', header=header, timeout=PATIENCE_SECONDS)


def run(channel: websocket.WebSocket, code: str) -> dict[str, str]:
    """Runs a cell; what it showed, by media type ('text/plain', 'image/png', 'stream')."""
    session = uuid.uuid4().hex
    header = {'msg_id': uuid.uuid4().hex, 'msg_type': 'execute_request', 'session': session, 'version': '5.3'}
    content = {'code': code, 'silent': False, 'store_history': True, 'user_expressions': {}, 'allow_stdin': False}
    message = {'header': header, 'parent_header': {}, 'metadata': {}, 'content': content, 'channel': 'shell'}
    channel.send(json.dumps(message))
    shown: dict[str, str] = {}
    while True:
        heard = json.loads(channel.recv())
        if heard.get('parent_header', {}).get('msg_id') != header['msg_id']:
            continue
        kind, content = heard['msg_type'], heard['content']
        require(kind != 'error', f'the cell failed: {content.get("evalue")}')
        if kind in ('execute_result', 'display_data'):
            shown |= content['data']
        elif kind == 'stream':
            shown['stream'] = shown.get('stream', '') + content['text']
        elif kind == 'status' and content['execution_state'] == 'idle':
            return shown


def prove_kernel(token: str) -> Detail:
    """A kernel computes, runs in the home with the person's variables, and draws where matplotlib is."""
    began = time.monotonic()
    status, body = ask('/api/kernels', token, 'POST')
    require(status == 201, f'no kernel: {status} {body[:200]}')
    channel = dial(f'/api/kernels/{json.loads(body)["id"]}/channels', token)
    require(run(channel, '1+1').get('text/plain') == '2', '1+1 is not 2')
    first_cell = round((time.monotonic() - began) * 1000)
    seen = run(channel, f'import os; print(os.getcwd(), os.environ["{FACT[0]}"], "JUPYTER_CONFIG_DIR" in os.environ)')
    require(seen['stream'] == f'/home/user {FACT[1]} False\n', f'the kernel sees {seen}')
    draws = importlib.util.find_spec('matplotlib') is not None
    if draws:
        picture = base64.b64decode(run(channel, PLOT)['image/png'])
        require(picture.startswith(PNG), 'the plot is no PNG')
    channel.close()
    return {'firstCellMs': first_cell, 'plot': draws}


def prove_notebook(token: str) -> None:
    """A notebook can be made, and saved, in a new home."""
    status, body = ask('/api/contents', token, 'POST', {'type': 'notebook'})
    require(status == 201, f'no notebook: {status} {body[:200]}')
    path = json.loads(body)['path']
    status, body = ask(f'/api/contents/{path}', token)
    require(status == 200, f'the notebook cannot be read: {status} {body[:200]}')
    status, body = ask(f'/api/contents/{path}', token, 'PUT', json.loads(body))
    require(status == 200, f'the notebook cannot be saved: {status} {body[:200]}')


def prove_terminal(token: str) -> None:
    """A terminal is a shell of the person."""
    status, body = ask('/api/terminals', token, 'POST')
    require(status == 200, f'no terminal: {status}')
    channel = dial(f'/terminals/websocket/{json.loads(body)["name"]}', token)
    channel.send(json.dumps(['stdin', f'echo "<$PWD|${FACT[0]}>"\r']))
    heard = ''
    while f'</home/user|{FACT[1]}>' not in heard:
        kind, *rest = json.loads(channel.recv())
        heard += rest[0] if kind == 'stdout' else ''
    channel.close()


def tempt() -> list[Path]:
    """Fills the home with programs that a careless server would run; gives what each would leave behind."""
    traces = [Path(f'/tmp/proof/ran-{number}') for number in range(len(TEMPTATIONS))]
    for trace, place in zip(traces, TEMPTATIONS, strict=True):
        program = Path.home() / place
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f'open({str(trace)!r}, "w").close()\n')
    return traces


def check() -> Detail:
    """Doors open, nothing of the home run, strangers refused, no token in a page, kernel, notebook, terminal."""
    traces = tempt()
    with served() as (token, ready):
        ran = [place for place, trace in zip(TEMPTATIONS, traces, strict=True) if trace.exists()]
        require(not ran, f'run from the home before readiness: {ran}')
        status, body = ask('/api/status', token)
        require(status == 200, f'/api/status: {status} {body[:200]}')
        for path in ('/api/status', '/api/contents', '/lab'):
            status, body = ask(path, None)
            require(status == 403, f'{path} answers strangers with {status}')
        status, page = ask('/lab', token)
        require(status == 200 and 'jupyter-config-data' in page, f'/lab: {status}')
        require(token not in page, "Jupyter's token is in its page")
        kernel = prove_kernel(token)
        prove_notebook(token)
        prove_terminal(token)
    return {'readyMs': ready} | kernel


prove('jupyter', check)
