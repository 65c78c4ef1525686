import type { Device, Node } from '@gpuhour/sdk/contract'
import { Button, Modal, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, keys } from './api.ts'
import { Problem } from './problem.tsx'

/** What an operator is about to do to a machine or a device. */
export type NodeTask =
  | { readonly kind: 'drain' | 'ready' | 'fence'; readonly node: Node }
  | { readonly kind: 'drainDevice' | 'readyDevice'; readonly device: Device }

/** Longest line that is kept with a device, as the contract has it. */
export const sentenceLengthMax = 500

interface NodeDialogProps {
  /** Null: closed. */
  readonly task: NodeTask | null
  readonly onClose: () => void
}

/** Says what happens to what is on the machine, and to whose bill, before anything is done. */
export function NodeDialog({ task, onClose }: NodeDialogProps) {
  const { t } = useTranslation()
  // What was asked stays readable while the dialog fades away.
  const [shown, setShown] = useState<NodeTask | null>(task)
  if (task !== null && task !== shown) setShown(task)
  const name = shown === null ? '' : 'node' in shown ? shown.node.name : shown.device.id
  return (
    <Modal
      opened={task !== null}
      onClose={onClose}
      centered
      title={shown === null ? '' : t(`machine.${shown.kind}Title`, { name })}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      {shown === null ? null : <Ask key={`${shown.kind} ${name}`} task={shown} onClose={onClose} />}
    </Modal>
  )
}

function Ask({ task, onClose }: { task: NodeTask; onClose: () => void }) {
  const { t } = useTranslation()
  switch (task.kind) {
    case 'drain':
    case 'ready':
      return (
        <Sure task={task} isSure onClose={onClose}>
          <Text>{t(`machine.${task.kind}Text`, { count: task.node.live })}</Text>
        </Sure>
      )
    case 'fence':
      return <Fence task={task} node={task.node} onClose={onClose} />
    case 'drainDevice':
      return <DrainDevice task={task} onClose={onClose} />
    case 'readyDevice':
      return (
        <Sure task={task} isSure onClose={onClose}>
          <Text>{t('machine.readyDeviceText')}</Text>
        </Sure>
      )
  }
}

/** A person types the name of the machine that they vouch for. */
function Fence({ task, node, onClose }: { task: NodeTask; node: Node; onClose: () => void }) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  return (
    <Sure task={task} isSure={typed === node.name} isDangerous onClose={onClose}>
      <Text>{t('machine.fenceText', { count: node.live })}</Text>
      <Text fw={600}>{t('machine.fenceDanger')}</Text>
      <TextInput
        label={t('machine.fenceType', { name: node.name })}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        autoComplete="off"
        data-autofocus
      />
    </Sure>
  )
}

function DrainDevice({ task, onClose }: { task: NodeTask; onClose: () => void }) {
  const { t } = useTranslation()
  const [why, setWhy] = useState('')
  return (
    <Sure task={task} why={why} isSure={why.trim() !== ''} onClose={onClose}>
      <Text>{t('machine.drainDeviceText')}</Text>
      <TextInput
        label={t('machine.why')}
        description={t('machine.whyHelp')}
        value={why}
        onChange={(event) => setWhy(event.currentTarget.value)}
        maxLength={sentenceLengthMax}
        autoComplete="off"
        data-autofocus
      />
    </Sure>
  )
}

interface SureProps {
  readonly task: NodeTask
  readonly why?: string
  readonly isSure: boolean
  readonly isDangerous?: boolean
  readonly onClose: () => void
  readonly children: ReactNode
}

function Sure({ task, why = '', isSure, isDangerous = false, onClose, children }: SureProps) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const change = useMutation({
    mutationFn: () => ask(task, why),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: keys.doctor })
      void client.invalidateQueries({ queryKey: ['node-allocations'] })
      onClose()
    },
  })
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (isSure) change.mutate()
      }}
    >
      {children}
      {change.error ? <Problem error={change.error} /> : null}
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <Button variant="default" onClick={onClose}>
          {t('common.cancel')}
        </Button>
        <Button
          type="submit"
          disabled={!isSure}
          loading={change.isPending}
          {...(isDangerous ? { color: 'red.9' } : {})}
        >
          {t(`machine.${task.kind}`)}
        </Button>
      </div>
    </form>
  )
}

function ask(task: NodeTask, why: string): Promise<unknown> {
  switch (task.kind) {
    case 'drain':
      return api.drainNode({ params: { node: task.node.id } })
    case 'ready':
      return api.readyNode({ params: { node: task.node.id } })
    case 'fence':
      return api.fenceNode({ params: { node: task.node.id } })
    case 'drainDevice':
      return api.drainDevice({ params: { device: task.device.id }, body: { why } })
    case 'readyDevice':
      return api.readyDevice({ params: { device: task.device.id } })
  }
}
