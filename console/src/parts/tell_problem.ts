import { notifications } from '@mantine/notifications'
import type { TFunction } from 'i18next'
import { isSignedOut } from './api.ts'
import { codeOf } from './problem.tsx'

/** Says in a corner what did not work; that the session is over is told by the sign-in page. */
export function tellProblem(t: TFunction, error: unknown, title?: string): void {
  if (isSignedOut(error)) return
  const message = t(`error.${codeOf(error)}.title`)
  notifications.show({ color: 'red', message, ...(title === undefined ? {} : { title }) })
}
