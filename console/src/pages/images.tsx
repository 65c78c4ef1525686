import type { Image, ImageVersion, Proof } from '@gpuhour/sdk/contract'
import { Accordion, Skeleton, Text } from '@mantine/core'
import { IconBox } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Build } from '../parts/build.tsx'
import { inLanguage, resultOf } from '../parts/choices.ts'
import { useImages, useNow } from '../parts/queries.ts'
import { Shown } from '../parts/shown.tsx'
import { VersionTags } from '../parts/version_tags.tsx'
import { Empty } from '../ui/empty.tsx'
import { useLocale } from '../ui/locale.ts'
import { Mark } from '../ui/marks.tsx'
import { PageHead } from '../ui/page_head.tsx'
import { Pairs } from '../ui/pairs.tsx'
import { Panel } from '../ui/panel.tsx'
import { type Column, Table } from '../ui/table.tsx'
import { secondsText } from '../ui/time.ts'
import { When } from '../ui/when.tsx'

/** The catalog: what can be launched, and what was proved of it. */
export function ImagesPage() {
  const { t } = useTranslation()
  const query = useImages()
  return (
    <>
      <PageHead title={t('images.title')} text={t('images.text')} />
      <Shown query={query} skeleton={<Skeleton height={220} aria-hidden />}>
        {(images) =>
          images.length === 0 ? (
            <Panel>
              <Empty
                icon={<IconBox size={36} stroke={1.4} />}
                title={t('images.none')}
                text={t('images.noneText')}
              />
            </Panel>
          ) : (
            <div className="stack">
              {images.map((image) => (
                <ImagePanel key={image.name} image={image} />
              ))}
            </div>
          )
        }
      </Shown>
    </>
  )
}

function ImagePanel({ image }: { image: Image }) {
  const { t, i18n } = useTranslation()
  return (
    <Panel
      title={inLanguage(image.title, i18n.language)}
      aside={<span className="soft">{image.publisher}</span>}
    >
      <Text c="dimmed" maw={820}>
        {inLanguage(image.description, i18n.language)}
      </Text>
      <Text size="sm" c="dimmed" mt={4}>
        {t('images.licences', { names: image.licences.join(', ') })}
      </Text>
      <Accordion
        multiple
        mt="sm"
        variant="separated"
        order={3}
        defaultValue={image.versions.filter(({ build }) => build !== null).map(({ reference }) => reference)}
      >
        {image.versions.map((version) => (
          <Accordion.Item key={version.reference} value={version.reference}>
            <Accordion.Control>
              <span className="row">
                <strong translate="no">{version.reference}</strong>
                <VersionTags version={version} />
              </span>
            </Accordion.Control>
            <Accordion.Panel>
              <Version version={version} />
            </Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
    </Panel>
  )
}

function Version({ version }: { version: ImageVersion }) {
  const { t } = useTranslation()
  const now = useNow(60_000)
  const { digest, offeredAt, needs, build, proofs } = version
  return (
    <div className="stack">
      {build === null ? null : <Build build={build} />}
      <Pairs
        items={[
          [t('images.digest'), digest === null ? t('images.noDigest') : <code key="d">{digest}</code>],
          ...(offeredAt === null
            ? []
            : [[t('images.offered'), <When key="o" at={offeredAt} now={now} />] as const]),
          [t('images.needs'), needs.gpuDriver ?? t('images.noDriver')],
          [t('images.disk'), t('images.gib', { size: needs.diskGib })],
        ]}
      />
      {proofs.length === 0 ? (
        <Text c="dimmed">{t('images.noProofs')}</Text>
      ) : (
        <Proofs proofs={proofs} label={t('images.proofsOf', { image: version.reference })} />
      )}
    </div>
  )
}

const resultTones = { passed: 'good', skipped: 'quiet', failed: 'bad' } as const

function Proofs({ proofs, label }: { proofs: readonly Proof[]; label: string }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const now = useNow(60_000)
  const columns: Column<Proof>[] = [
    { head: t('images.proof'), cell: ({ name }) => name },
    {
      head: t('images.result'),
      cell: (proof) => {
        const result = resultOf(proof)
        const reason = proof.detail['reason']
        return (
          <div>
            <Mark tone={resultTones[result]}>{t(`images.${result}`)}</Mark>
            {result !== 'passed' && typeof reason === 'string' ? (
              <div className="soft" lang="en" style={{ fontWeight: 400 }}>
                {reason}
              </div>
            ) : null}
          </div>
        )
      },
    },
    {
      head: t('images.on'),
      cell: ({ gpu, driver }) => [gpu ?? t('images.cpu'), driver].filter(Boolean).join(' · '),
    },
    { head: t('images.took'), isNumber: true, cell: ({ durationMs }) => secondsText(durationMs, locale) },
    { head: t('history.at'), isNumber: true, cell: ({ at }) => <When at={at} now={now} /> },
  ]
  return <Table label={label} columns={columns} rows={proofs} keyOf={({ name, at }) => `${name} ${at}`} />
}
