"""JupyterLab's server as the platform runs it; the person's own settings apply to kernels and shells."""

import contextlib
import os

import guest

c = get_config()  # noqa: F821 (traitlets provides it)

_HOME = str(guest.HOME)
_STATE = f'{_HOME}/.local/share/jupyter'


def without_token(_handler, page_config):
    """JupyterLab would print its token into every page; the gateway adds it to requests instead."""
    page_config['token'] = ''
    return page_config


# The door: only the platform's gateway knows the token. Jupyter still compares Origin with Host, which the gateway
# passes on as the browser sent them.
c.ServerApp.ip = '0.0.0.0'
c.ServerApp.port = 8888
c.ServerApp.port_retries = 0
c.ServerApp.allow_remote_access = True
c.ServerApp.allow_unauthenticated_access = False
c.ServerApp.cookie_secret = os.urandom(32)
c.ServerApp.open_browser = False
c.ServerApp.use_redirect_file = False
c.ServerApp.tornado_settings = {'page_config_hook': without_token}
c.IdentityProvider.token = ''.join(guest.given('jupyter_token'))
c.ServerApp.identity_provider_class = 'classes.GatewayOnly'

# The room.
c.ServerApp.root_dir = _HOME
c.ServerApp.kernel_manager_class = 'jupyter_server.services.kernels.kernelmanager.AsyncMappingKernelManager'
c.AsyncMappingKernelManager.kernel_manager_class = 'classes.UserKernelManager'
# Sockets in the runtime folder, not ports: a kernel then listens nowhere that another program could reach.
c.KernelManager.transport = 'ipc'
c.ServerApp.terminado_settings = {'shell_command': ['/opt/gpuhour/init', 'shell']}
# A deleted file is gone: a hidden waste bin would fill, and be paid for in, the person's volume.
c.FileContentsManager.delete_to_trash = False
# Training prints a lot; the limit would drop output silently.
c.ZMQChannelsWebsocketConnection.limit_rate = False
# Milliseconds without an answer to a ping after which a browser counts as gone; at most the interval between pings.
c.ServerApp.websocket_ping_timeout = 30_000

# Only the extensions named here run in the server; each costs start time.
c.ServerApp.jpserver_extensions = {'jupyterlab': True, 'jupyter_server_terminals': True}
c.LabApp.extension_manager = 'readonly'
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = 'jupyterlab.NeverCheckForUpdate'
c.LabApp.user_settings_dir = f'{_HOME}/.jupyter/lab/user-settings'
c.LabApp.workspaces_dir = f'{_HOME}/.jupyter/lab/workspaces'

# Which notebooks the person trusts stays with their notebooks; read when the first one is opened. The folder is not
# made by the notary itself, and without it nothing can be saved; where it cannot be made, the rest works all the same.
c.NotebookNotary.data_dir = _STATE
with contextlib.suppress(OSError):
    os.makedirs(_STATE, mode=0o700, exist_ok=True)

c.Application.log_level = 'WARN'
