"""Starts JupyterLab with the platform's settings and none of the person's (`python3 -I`)."""

import os
import sys
import warnings

FOLDER = '/opt/gpuhour/jupyter'

sys.path[:0] = [FOLDER, '/opt/gpuhour']
os.environ['JUPYTER_CONFIG_DIR'] = FOLDER
os.environ['JUPYTER_DATA_DIR'] = f'{FOLDER}/data'
# Kernels and prebuilt extensions that the person installed are listed, and run only when they ask for them.
os.environ['JUPYTER_PATH'] = f'{os.environ["HOME"]}/.local/share/jupyter'

import jupyter_core.paths  # noqa: E402 (reads the variables above)

# Installed packages switch server extensions on by files in these folders; ours are named in one place.
jupyter_core.paths.ENV_CONFIG_PATH = jupyter_core.paths.SYSTEM_CONFIG_PATH = [FOLDER]

# Said of the terminals' WebSocket, which asks for the token itself.
warnings.filterwarnings('ignore', message='Extension endpoints without')

from jupyter_server.serverapp import ServerApp  # noqa: E402 (binds the paths above)
from jupyterlab.labapp import LabApp  # noqa: E402


def stop(server, _number, _frame):
    """Jupyter's own handler logs first; when TERM interrupts another log line that raises, and TERM is lost."""
    server.io_loop.add_callback_from_signal(server.io_loop.stop)


ServerApp._signal_stop = stop

LabApp.launch_instance(argv=[])
