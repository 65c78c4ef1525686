import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import './global.css'
import { MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { createBrowserRouter } from 'react-router'
import { RouterProvider } from 'react-router/dom'
import { openI18n } from './i18n.ts'
import { Crash } from './pages/crash.tsx'
import { queryClient } from './parts/api.ts'
import { Shell } from './parts/shell.tsx'
import { type Page, pages } from './routes.ts'
import { theme, variables } from './theme.ts'

/** Shown for the blink in which a page's code is fetched. */
const Nothing = () => null

const routeOf = ({ path, load }: Page) => ({
  path,
  lazy: { Component: load },
  ErrorBoundary: Crash,
  HydrateFallback: Nothing,
})

const router = createBrowserRouter([
  ...pages.filter(({ frame }) => frame === 'gate').map(routeOf),
  {
    Component: Shell,
    ErrorBoundary: Crash,
    HydrateFallback: Nothing,
    children: pages.filter(({ frame }) => frame === 'shell').map(routeOf),
  },
])

await openI18n()

const root = document.querySelector('#root')
if (root === null) throw new Error('index.html has no #root to draw the console in.')
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto">
      <QueryClientProvider client={queryClient}>
        <Notifications position="bottom-right" />
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
