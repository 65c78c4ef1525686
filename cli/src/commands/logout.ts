import type { CommandSpec } from '../command.ts'
import { readProfile, removeProfile } from '../configuration.ts'

export const command: CommandSpec = {
  name: 'logout',
  summary: 'forget who is signed in, and revoke the key of this machine',
  async run(context) {
    const profile = readProfile(context.say)
    if (profile?.kind === 'remote') {
      // The key may be dead already, or the platform gone: it is forgotten here all the same.
      const me = await context.me().catch(() => null)
      if (me?.apiKey)
        await context
          .client()
          .deleteApiKey({ params: { apiKey: me.apiKey.id } })
          .catch(() => context.say('The key could not be revoked: do it in the console.'))
    }
    removeProfile()
    if (context.isJson) context.printJson({})
    else context.print('Signed out.')
  },
}
