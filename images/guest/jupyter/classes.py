"""Where JupyterLab's server has to behave otherwise than its settings allow."""

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.auth.identity import IdentityProvider
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.kernels.kernelmanager import ServerKernelManager
from tornado.web import HTTPError

import guest


class Refusal(JupyterHandler):
    """Stands where Jupyter redirects strangers to."""

    @allow_unauthenticated
    def get(self):
        raise HTTPError(403, 'This address is reached through the platform only.')


class GatewayOnly(IdentityProvider):
    """The token in a header, which only the platform's gateway sends: no page asks a person for it."""

    login_handler_class = Refusal
    login_available = True
    logout_available = False


class UserKernelManager(ServerKernelManager):
    """Kernels run in the person's environment, as a shell of theirs does, not in the server's."""

    async def _async_pre_start_kernel(self, **kw):
        command, kw = await super()._async_pre_start_kernel(**kw)
        asked = {name: value for name, value in kw['env'].items() if name not in guest.OURS}
        kw['env'] = asked | guest.user_environment()
        return command, kw
