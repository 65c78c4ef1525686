import { makeId } from '@gpuhour/sdk/client'
import type { Budget } from '@gpuhour/sdk/contract'
import { Modal, Select, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { decimalOf, nanosOf } from '../ui/money.ts'
import { api, keys } from './api.ts'
import { useList } from './queries.ts'
import { useSession } from './session.ts'
import { TaskForm } from './task_form.tsx'

export type BudgetTask =
  | { readonly kind: 'make' }
  | { readonly kind: 'change'; readonly budget: Budget }
  | { readonly kind: 'end'; readonly budget: Budget }

interface BudgetDialogProps {
  /** Null: closed. */
  readonly task: BudgetTask | null
  readonly onClose: () => void
}

/** Makes, changes or ends a budget, and says what that means. */
export function BudgetDialog({ task, onClose }: BudgetDialogProps) {
  const { t } = useTranslation()
  const title =
    task === null ? '' : t(`budgets.${task.kind}Title`, 'budget' in task ? { name: task.budget.name } : {})
  return (
    <Modal
      opened={task !== null}
      onClose={onClose}
      centered
      title={title}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      {task?.kind === 'make' ? <Make onClose={onClose} /> : null}
      {task?.kind === 'change' ? <Change budget={task.budget} onClose={onClose} /> : null}
      {task?.kind === 'end' ? <End budget={task.budget} onClose={onClose} /> : null}
    </Modal>
  )
}

function useBudgetChange(change: () => Promise<unknown>, onClose: () => void) {
  const client = useQueryClient()
  const { organization } = useSession()
  return useMutation({
    mutationFn: change,
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: keys.budgets(organization.id) })
      onClose()
    },
  })
}

const scopes = ['organization', 'project', 'person', 'job'] as const
const periods = ['day', 'week', 'month', 'total'] as const
const actions = ['warn', 'refuse', 'stop'] as const

/** One of a few words, as the catalogue has them. */
function Words<T extends string>({
  label,
  words,
  nameOf,
  value,
  onWord,
}: {
  label: string
  words: readonly T[]
  nameOf: (word: T) => string
  value: T
  onWord: (word: T) => void
}) {
  return (
    <Select
      label={label}
      value={value}
      onChange={(chosen) => {
        const word = words.find((one) => one === chosen)
        if (word) onWord(word)
      }}
      data={words.map((word) => ({ value: word, label: nameOf(word) }))}
      allowDeselect={false}
    />
  )
}

function LimitInput({ text, onText }: { text: string; onText: (text: string) => void }) {
  const { t } = useTranslation()
  const { organization } = useSession()
  const nanos = nanosOf(text)
  return (
    <TextInput
      label={t('budgets.limitIn', { currency: organization.currency })}
      value={text}
      onChange={(event) => onText(event.currentTarget.value)}
      inputMode="decimal"
      error={text === '' || (nanos !== null && nanos > 0n) ? null : t('operator.amountWrong')}
      autoComplete="off"
    />
  )
}

function ProjectInput({ value, onProject }: { value: string; onProject: (id: string) => void }) {
  const { t } = useTranslation()
  const { organization, project } = useSession()
  const { data: projects = [project] } = useList(['projects', organization.id], (query, signal) =>
    api.listProjects({ params: { organization: organization.id }, query }, { signal }),
  )
  return (
    <Select
      label={t('budgets.project')}
      value={value}
      onChange={(chosen) => chosen !== null && onProject(chosen)}
      data={projects.map((one) => ({ value: one.id, label: one.name }))}
      allowDeselect={false}
    />
  )
}

type Scope = (typeof scopes)[number]

/** What was filled in for each scope: it is there again when one changes one's mind. */
interface Target {
  readonly project: string
  readonly person: string
  readonly job: string
}

function targetOf(scope: Scope, { project, person, job }: Target) {
  if (scope === 'organization') return { target: null, job: null }
  return { target: scope === 'person' ? person : project, job: scope === 'job' ? job : null }
}

function TargetInput({
  scope,
  target,
  onTarget,
}: {
  scope: Scope
  target: Target
  onTarget: (target: Target) => void
}) {
  const { t } = useTranslation()
  if (scope === 'organization') return null
  if (scope === 'person')
    return (
      <TextInput
        label={t('budgets.email')}
        type="email"
        value={target.person}
        onChange={(event) => onTarget({ ...target, person: event.currentTarget.value })}
      />
    )
  return (
    <>
      <ProjectInput value={target.project} onProject={(project) => onTarget({ ...target, project })} />
      {scope === 'job' ? (
        <TextInput
          label={t('budgets.job')}
          description={t('budgets.jobHelp')}
          value={target.job}
          onChange={(event) => onTarget({ ...target, job: event.currentTarget.value })}
          autoComplete="off"
        />
      ) : null}
    </>
  )
}

function Make({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const { organization, project, me } = useSession()
  const [name, setName] = useState('')
  const [scope, setScope] = useState<(typeof scopes)[number]>('project')
  const [target, setTarget] = useState<Target>({ project: project.id, person: me.person.email, job: '' })
  const [limit, setLimit] = useState('')
  const [period, setPeriod] = useState<Budget['period']>('month')
  const [action, setAction] = useState<Budget['action']>('stop')
  const [id] = useState(() => makeId('budget'))
  const nanos = nanosOf(limit)
  const change = useBudgetChange(
    () =>
      api.createBudget({
        params: { organization: organization.id },
        body: {
          ...{ id, name, scope, ...targetOf(scope, target), period, action },
          ...{ limitNanos: String(nanos), currency: organization.currency },
        },
      }),
    onClose,
  )
  const isSure = name !== '' && nanos !== null && nanos > 0n && (scope !== 'job' || target.job !== '')
  return (
    <TaskForm change={change} sure={t('budgets.make')} isSure={isSure} onClose={onClose}>
      <TextInput
        label={t('instance.name')}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        maxLength={80}
        data-autofocus
        autoComplete="off"
      />
      <Words
        label={t('budgets.about')}
        words={scopes}
        nameOf={(one) => t(`budgets.scope.${one}`)}
        value={scope}
        onWord={setScope}
      />
      <TargetInput scope={scope} target={target} onTarget={setTarget} />
      <LimitInput text={limit} onText={setLimit} />
      <Words
        label={t('budgets.per')}
        words={periods}
        nameOf={(one) => t(`budgets.period.${one}`)}
        value={period}
        onWord={setPeriod}
      />
      <Words
        label={t('budgets.then')}
        words={actions}
        nameOf={(one) => t(`budgets.action.${one}`)}
        value={action}
        onWord={setAction}
      />
      <Text size="sm" c="dimmed">
        {t(`budgets.means.${action}`)}
      </Text>
    </TaskForm>
  )
}

function Change({ budget, onClose }: { budget: Budget; onClose: () => void }) {
  const { t } = useTranslation()
  const [limit, setLimit] = useState(decimalOf(BigInt(budget.limitNanos)).replace(/(\.\d\d)0{1,7}$/, '$1'))
  const [action, setAction] = useState<Budget['action']>(budget.action)
  const nanos = nanosOf(limit)
  const change = useBudgetChange(
    () => api.changeBudget({ params: { budget: budget.id }, body: { limitNanos: String(nanos), action } }),
    onClose,
  )
  const isSure = nanos !== null && nanos > 0n
  return (
    <TaskForm change={change} sure={t('budgets.change')} isSure={isSure} onClose={onClose}>
      <LimitInput text={limit} onText={setLimit} />
      <Words
        label={t('budgets.then')}
        words={actions}
        nameOf={(one) => t(`budgets.action.${one}`)}
        value={action}
        onWord={setAction}
      />
      <Text size="sm" c="dimmed">
        {t(`budgets.means.${action}`)} {t('budgets.changeText')}
      </Text>
    </TaskForm>
  )
}

function End({ budget, onClose }: { budget: Budget; onClose: () => void }) {
  const { t } = useTranslation()
  const change = useBudgetChange(() => api.deleteBudget({ params: { budget: budget.id } }), onClose)
  return (
    <TaskForm change={change} sure={t('budgets.endSure')} isSure isDangerous onClose={onClose}>
      <Text>{t('budgets.endText')}</Text>
    </TaskForm>
  )
}
