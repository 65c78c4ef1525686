import type { ImageVersion } from '@gpuhour/sdk/contract'
import { useTranslation } from 'react-i18next'
import { bytesText } from '../ui/bytes.ts'
import { useLocale } from '../ui/locale.ts'
import { Tag } from '../ui/marks.tsx'
import { provedOf } from './choices.ts'

/** Proofs, size and needs of an image version, in a few words. */
export function VersionTags({ version }: { version: ImageVersion }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const proved = provedOf(version.proofs)
  const { gpuDriver, cuda } = version.needs
  return (
    <>
      {version.isOffered ? (
        proved.all === 0 ? null : (
          <Tag tone="accent">{t(proved.skipped > 0 ? 'images.proofsSkipped' : 'images.proofs', proved)}</Tag>
        )
      ) : (
        <Tag tone={version.build?.state === 'failed' ? 'bad' : 'warn'}>
          {t(version.build === null ? 'images.notOffered' : `build.${version.build.state}`)}
        </Tag>
      )}
      {version.sizeBytes === null || version.sizeBytes === 0 ? null : (
        <Tag>{bytesText(version.sizeBytes, locale)}</Tag>
      )}
      {cuda === null ? null : <Tag>{t('images.cuda', { cuda })}</Tag>}
      {gpuDriver === null ? null : <Tag>{t('images.driver', { driver: gpuDriver })}</Tag>}
    </>
  )
}
