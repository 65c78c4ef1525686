import { type Notice, notice } from '@gpuhour/sdk/contract'
import { type NoticeRow, noticesOf } from '../notices/notices.ts'
import { noticeTypes, noticeWays } from '../notices/rules.ts'
import { organizationFor } from './access.ts'
import { type Handlers, ok } from './calls.ts'
import { decodeCursor, pageOf } from './pages.rules.ts'
import type { ApiParts } from './parts.ts'
import { shown } from './views.rules.ts'

/** A notice on the wire; what a room wrote that the contract does not know is a fault of ours. */
function noticeView({ id, organization, project, type, subject, at, data }: NoticeRow): Notice {
  return notice.parse({ id, organization, project, type, subject, at: shown(at), data })
}

const typesForPeople = noticeTypes.filter((type) => noticeWays[type].isShown)

/** What an organization is told. */
export function noticeHandlers({ store }: ApiParts): Pick<Handlers, 'listNotices'> {
  return {
    listNotices: async ({ principal, params, query }) =>
      ok(
        await store.read(async (tx) => {
          const { id } = await organizationFor(tx, principal, 'read_money', params.organization)
          const after = decodeCursor(query.cursor, /^\d{1,18}$/)
          const rows = await noticesOf(tx, id, {
            types: query.of === 'people' ? typesForPeople : noticeTypes,
            before: after === null ? null : BigInt(after),
            limit: query.limit + 1,
          })
          return pageOf(rows, query.limit, ({ seq }) => String(seq), noticeView)
        }),
      ),
  }
}
