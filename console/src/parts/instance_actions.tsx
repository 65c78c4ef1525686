import type { Instance } from '@gpuhour/sdk/contract'
import { IconPlayerPlay, IconPlayerStop, IconRefresh, IconTrash } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { WhyButton } from '../ui/why_button.tsx'
import { api, keys } from './api.ts'
import { InstanceDialog } from './instance_dialog.tsx'
import { keepInstance } from './queries.ts'
import { tellProblem } from './tell_problem.ts'

export type InstanceVerb = 'start' | 'stop' | 'restart' | 'delete'

/** Asks for it; the answer is the instance as it is then. */
export function useInstanceVerb(instance: Instance) {
  const client = useQueryClient()
  const { t } = useTranslation()
  const params = { instance: instance.id }
  return useMutation({
    mutationFn: (verb: InstanceVerb) => {
      switch (verb) {
        case 'start':
          return api.startInstance({ params })
        case 'stop':
          return api.stopInstance({ params })
        case 'restart':
          return api.restartInstance({ params })
        case 'delete':
          return api.deleteInstance({ params })
      }
    },
    onSuccess: (answer) => {
      keepInstance(client, answer)
      void client.invalidateQueries({ queryKey: ['balance'] })
      void client.invalidateQueries({ queryKey: keys.volumes(instance.project) })
    },
    onError: (error, verb) => tellProblem(t, error, t(`verb.failed.${verb}`, { name: instance.name })),
  })
}

const icons = {
  start: <IconPlayerPlay size={16} />,
  stop: <IconPlayerStop size={16} />,
  restart: <IconRefresh size={16} />,
  delete: <IconTrash size={16} />,
} as const

/** The buttons that change an instance; what is allowed, and why not, is the platform's word. */
export function InstanceActions({ instance }: { instance: Instance }) {
  const { t } = useTranslation()
  const [asked, setAsked] = useState<Exclude<InstanceVerb, 'start'> | null>(null)
  const verb = useInstanceVerb(instance)
  const press = (name: InstanceVerb) => (name === 'start' ? verb.mutate('start') : setAsked(name))
  // Start and stop are two sides of one thing: the one that can be done is shown.
  const shown: InstanceVerb[] = [instance.actions.start.allowed ? 'start' : 'stop', 'restart', 'delete']
  return (
    <>
      {shown.map((name) => {
        const { allowed, why } = instance.actions[name]
        return (
          <WhyButton
            key={name}
            why={allowed ? null : (why ?? t('verb.notNow'))}
            variant="default"
            {...(name === 'delete' ? { c: 'var(--bad-text)' } : {})}
            leftSection={icons[name]}
            loading={verb.isPending && verb.variables === name}
            onClick={() => press(name)}
          >
            {t(`verb.${name}`)}
          </WhyButton>
        )
      })}
      <InstanceDialog
        instance={instance}
        verb={asked}
        onClose={() => setAsked(null)}
        onSure={(name) => {
          setAsked(null)
          verb.mutate(name)
        }}
      />
    </>
  )
}
