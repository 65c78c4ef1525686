import type { BuildProgress } from '@gpuhour/sdk/contract'
import { Progress, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { bytesText } from '../ui/bytes.ts'
import { useLocale } from '../ui/locale.ts'

/** How far a build is: what it reported, never a guess. */
export function Build({ build }: { build: BuildProgress }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const hasBytes = build.bytesDone !== null && build.bytesTotal !== null && build.bytesTotal > 0
  const share = build.steps > 0 ? (build.step / build.steps) * 100 : 0
  const isFailed = build.state === 'failed'
  return (
    <div style={{ minWidth: 0, width: '100%' }}>
      <div className="row numbers" style={{ justifyContent: 'space-between' }}>
        <Text size="sm" fw={500}>
          {t(`build.${build.state}`)}
          {build.steps > 0 ? ` · ${t('build.step', { step: build.step, steps: build.steps })}` : ''}
        </Text>
        {hasBytes && build.bytesDone !== null && build.bytesTotal !== null ? (
          <span className="soft">
            {t('build.bytes', {
              done: bytesText(build.bytesDone, locale),
              total: bytesText(build.bytesTotal, locale),
            })}
          </span>
        ) : null}
      </div>
      {build.state === 'done' ? null : (
        <Progress
          value={share}
          size="sm"
          mt={6}
          color={isFailed ? 'red' : 'jade'}
          aria-label={t('build.progress', { image: build.image })}
        />
      )}
      <Text className="soft" mt={4} truncate="end" title={build.error ?? build.title} lang="en">
        {isFailed ? (build.error ?? build.title) : build.title}
      </Text>
    </div>
  )
}
