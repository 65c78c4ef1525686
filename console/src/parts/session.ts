import type { Me, Organization, Project } from '@gpuhour/sdk/contract'
import { createContext, use } from 'react'

/** Who is signed in, and where they are working. */
export interface Session {
  readonly me: Me
  readonly organization: Organization
  readonly project: Project
  readonly chooseProject: (id: string) => void
}

export const SessionContext = createContext<Session | null>(null)

/** Only below the shell, which is not shown before somebody is signed in. */
export function useSession(): Session {
  const session = use(SessionContext)
  if (session === null) throw new Error('Asked who is signed in outside of the shell: move this below it.')
  return session
}

const storageKey = 'gpuhour.project'

/** The project of last time if it is still there, else the first one. */
export function projectOf(
  me: Me,
  chosen: string | null,
): { organization: Organization; project: Project } | null {
  const project = me.projects.find(({ id }) => id === chosen) ?? me.projects[0]
  const organization = me.organizations.find(({ id }) => id === project?.organization)
  return project && organization ? { organization, project } : null
}

export function rememberedProject(): string | null {
  return localStorage.getItem(storageKey)
}

export function rememberProject(id: string): void {
  localStorage.setItem(storageKey, id)
}

/** What each role may do, for buttons that no action of a thing tells about (server/src/tenancy/rules.ts). */
export function mayCompute({ role }: Organization): boolean {
  return role === 'owner' || role === 'admin' || role === 'member'
}

/** May they decide what may be spent? */
export function mayManageMoney({ role }: Organization): boolean {
  return role === 'owner' || role === 'admin' || role === 'billing'
}

/** May they see what things cost? */
export function mayReadMoney({ role }: Organization, isOperator: boolean): boolean {
  return isOperator || (role !== null && role !== 'viewer')
}
