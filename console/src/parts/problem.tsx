import { Button, Code, Text } from '@mantine/core'
import { ApiError } from '@gpuhour/sdk/client'
import { IconAlertTriangle, IconPlugConnectedX } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Notice } from '../ui/notice.tsx'

interface ProblemProps {
  readonly error: unknown
  readonly retry?: () => unknown
}

/** Which words tell of an error: by its code, since the detail is English. */
export function codeOf(error: unknown) {
  return error instanceof ApiError ? error.code : 'internal'
}

/** What happened, what to do, and the request's id to quote. */
export function Problem({ error, retry }: ProblemProps) {
  const { t, i18n } = useTranslation()
  const code = codeOf(error)
  const detail = error instanceof ApiError && code !== 'unreachable' ? error.message : null
  const requestId = error instanceof ApiError ? error.requestId : null
  // A single field is what the sentence is about already.
  const fields = error instanceof ApiError && error.errors.length > 1 ? error.errors : []
  return (
    <Notice
      role="alert"
      tone="bad"
      icon={code === 'unreachable' ? <IconPlugConnectedX size={20} /> : <IconAlertTriangle size={20} />}
      title={t(`error.${code}.title`)}
    >
      <Text>{i18n.language === 'en' && detail ? detail : t(`error.${code}.todo`)}</Text>
      {i18n.language !== 'en' && detail ? (
        <Text className="soft" lang="en">
          {detail}
        </Text>
      ) : null}
      {fields.map(({ pointer, message }) => (
        <Text key={`${pointer} ${message}`} size="sm" lang="en">
          <Code>{pointer}</Code> {message}
        </Text>
      ))}
      <div className="row" style={{ marginTop: retry || requestId ? 8 : 0 }}>
        {retry ? (
          <Button size="xs" variant="default" onClick={() => void retry()}>
            {t('common.retry')}
          </Button>
        ) : null}
        {requestId ? (
          <span className="soft">
            {t('common.requestId')} <Code>{requestId}</Code>
          </span>
        ) : null}
      </div>
    </Notice>
  )
}
