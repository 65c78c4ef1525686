import { Button, Checkbox, Modal, Select, Text } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { CopyLine } from '../ui/copy_line.tsx'
import {
  downloadExport,
  exportCommand,
  type ExportForm,
  type ExportKind,
  exportKinds,
  formsOf,
} from './exports.ts'
import { type PeriodName, periodNames, periodOf } from './periods.ts'
import { Problem } from './problem.tsx'
import { serverClock } from './server_clock.ts'
import { useSession } from './session.ts'

/** The button on every page of billing, with what it opens. */
export function ExportButton() {
  const { t } = useTranslation()
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <Button variant="default" leftSection={<IconDownload size={18} />} onClick={() => setOpen(true)}>
        {t('export.title')}
      </Button>
      <Modal
        opened={isOpen}
        onClose={() => setOpen(false)}
        centered
        title={t('export.title')}
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        <ExportForm onDone={() => setOpen(false)} />
      </Modal>
    </>
  )
}

function ExportForm({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation()
  const { organization } = useSession()
  const [kind, setKind] = useState<ExportKind>('charges')
  const [form, setForm] = useState<ExportForm>('csv')
  const [name, setName] = useState<PeriodName>('month')
  const [isCompressed, setCompressed] = useState(false)
  const period = periodOf(name, serverClock.now(), organization.timeZone)
  const asked = { kind, form, isCompressed, period }
  const download = useMutation({
    mutationFn: () => downloadExport(organization.id, asked),
    onSuccess: onDone,
  })
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        download.mutate()
      }}
    >
      <Select
        label={t('export.what')}
        value={kind}
        onChange={(value) => {
          const next = exportKinds.find((one) => one === value) ?? 'charges'
          setKind(next)
          setForm(formsOf(next)[0])
        }}
        data={exportKinds.map((value) => ({ value, label: t(`export.kind.${value}`) }))}
        allowDeselect={false}
      />
      <Text size="sm" c="dimmed">
        {t(`export.about.${kind}`)}
      </Text>
      <div className="row" style={{ alignItems: 'flex-end', flexWrap: 'nowrap' }}>
        <Select
          label={t('billing.period')}
          value={name}
          onChange={(value) => setName(periodNames.find((one) => one === value) ?? 'month')}
          data={periodNames.map((value) => ({ value, label: t(`billing.${value}`) }))}
          allowDeselect={false}
          style={{ flex: 1 }}
        />
        <FormSelect kind={kind} form={form} onChange={setForm} />
      </div>
      <Checkbox
        label={t('export.compress')}
        checked={isCompressed}
        onChange={(event) => setCompressed(event.currentTarget.checked)}
      />
      {download.error ? <Problem error={download.error} /> : null}
      <Button type="submit" leftSection={<IconDownload size={18} />} loading={download.isPending}>
        {t('export.download')}
      </Button>
      <Text size="sm" c="dimmed" mb={-8}>
        {t('export.same')}
      </Text>
      <CopyLine text={exportCommand(asked)} copy={t('common.copy')} copied={t('common.copied')} />
    </form>
  )
}

interface FormSelectProps {
  readonly kind: ExportKind
  readonly form: ExportForm
  readonly onChange: (form: ExportForm) => void
}

/** The form of the file: a format, or a version of FOCUS. */
function FormSelect({ kind, form, onChange }: FormSelectProps) {
  const { t } = useTranslation()
  const forms = formsOf(kind)
  return (
    <Select
      label={t(kind === 'focus' ? 'export.version' : 'export.format')}
      value={form}
      onChange={(value) => onChange(forms.find((one) => one === value) ?? forms[0])}
      data={forms.map((value) => ({
        value,
        label: value === 'csv' || value === 'jsonl' ? t(`export.form.${value}`) : value,
      }))}
      allowDeselect={false}
      style={{ flex: 1 }}
    />
  )
}
