import { Skeleton, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { When } from '../ui/when.tsx'
import { api, keys, pollMs } from './api.ts'
import { Build } from './build.tsx'
import { useNow } from './queries.ts'
import { Shown } from './shown.tsx'

const shownMost = 8

/** Image builds, newest first. */
export function Builds() {
  const { t } = useTranslation()
  const now = useNow(15_000)
  const query = useQuery({
    queryKey: keys.builds,
    queryFn: async ({ signal }) => (await api.listBuilds({ query: { limit: shownMost } }, { signal })).items,
    refetchInterval: pollMs.waiting,
  })
  return (
    <Shown query={query} skeleton={<Skeleton height={90} aria-hidden />}>
      {(builds) =>
        builds.length === 0 ? (
          <Text c="dimmed">{t('operator.noBuilds')}</Text>
        ) : (
          <div className="stack">
            {builds.map((build) => (
              <div key={build.id}>
                <div className="row" style={{ justifyContent: 'space-between' }}>
                  <strong translate="no">{build.image}</strong>
                  <span className="soft">
                    <When at={build.endedAt ?? build.startedAt ?? build.requestedAt} now={now} />
                  </span>
                </div>
                <Build build={build} />
              </div>
            ))}
          </div>
        )
      }
    </Shown>
  )
}
