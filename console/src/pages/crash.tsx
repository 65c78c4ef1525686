import { Button } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Empty } from '../ui/empty.tsx'

/** A fault of ours while a page was drawn, or one that is gone after an upgrade: loading anew mends both. */
export function Crash() {
  const { t } = useTranslation()
  const reload = <Button onClick={() => window.location.reload()}>{t('crash.reload')}</Button>
  return (
    <Empty
      icon={<IconAlertTriangle size={40} stroke={1.4} />}
      title={t('crash.title')}
      text={t('crash.text')}
      action={reload}
    />
  )
}
