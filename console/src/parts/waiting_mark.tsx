import { Loader } from '@mantine/core'
import { useTranslation } from 'react-i18next'

/** Something is on its way, and nobody knows yet how it will look. */
export function WaitingMark() {
  const { t } = useTranslation()
  return (
    <div role="status">
      <Loader type="dots" aria-hidden />
      <span className="visually-hidden">{t('common.loading')}</span>
    </div>
  )
}
