import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** Where `vite dev` finds a running platform. */
const api = process.env['GPUHOUR_API'] ?? 'http://localhost:7070'

/** To the platform, this is its own console: it refuses what another origin sends. */
const toApi = { target: api, changeOrigin: true, headers: { origin: api } }

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    // The platform's Content-Security-Policy allows no data: scripts and no inline modules.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/v1': toApi, '/api': toApi } },
})
