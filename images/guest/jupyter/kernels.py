"""Kernels run in the person's environment, not in the server's."""

from jupyter_server.services.kernels.kernelmanager import ServerKernelManager

import guest


class UserKernelManager(ServerKernelManager):
    """Gives each kernel the variables that a shell of the person has."""

    async def _async_pre_start_kernel(self, **kw):
        command, kw = await super()._async_pre_start_kernel(**kw)
        asked = {name: value for name, value in kw['env'].items() if name not in guest.OURS}
        kw['env'] = asked | guest.user_environment()
        return command, kw
