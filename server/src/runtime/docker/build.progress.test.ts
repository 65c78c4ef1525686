import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BuildProgress } from '../builder.ts'
import { buildLineOf, BuildReader, downloadOf, stepsOf } from './build.progress.ts'

const dockerfile = `ARG BASE_IMAGE
FROM \${BASE_IMAGE} AS system
#: Debian packages
RUN apt-get update \\
 && apt-get install --yes \\
# a comment within
      git
ENV A=b
COPY lock /lock
#: Python packages
RUN pip install
FROM system AS image
#: first program
COPY guest/ /opt/
USER 1000:1000
`

test('the steps of a Dockerfile are those that BuildKit counts', () => {
  const steps = stepsOf(dockerfile, null).map(({ stage, place, title }) => `${stage} ${place} ${title}`)
  assert.deepEqual(steps, [
    'system 1 the image that it stands on',
    'system 2 Debian packages',
    'system 3 COPY lock /lock',
    'system 4 Python packages',
    'image 1 first program',
  ])
  assert.equal(stepsOf(dockerfile, 'system').length, 4)
})

test('a line of pip or apt-get says how far its download is', () => {
  const table: readonly (readonly [string, ReturnType<typeof downloadOf>])[] = [
    [
      '  Downloading torch-2.9.1-cp313-cp313-manylinux_2_28_x86_64.whl (899.7 MB)',
      { said: 'file', name: 'torch-2.9.1' },
    ],
    ['  Downloading webcolors-25.10.0-py3-none-any.whl (14 kB)', { said: 'file', name: 'webcolors-25.10.0' }],
    // The metadata of a wheel is not the wheel.
    ['  Downloading torch-2.9.1-cp313-cp313-manylinux_2_28_x86_64.whl.metadata (30 kB)', null],
    ['  Using cached torch-2.9.1-cp313-cp313-manylinux_2_28_x86_64.whl (899.7 MB)', null],
    ['Progress 262144 of 785946', { said: 'bytes', done: 262_144, total: 785_946 }],
    ['Installing collected packages: stack-data, pure-eval', { said: 'over' }],
    ['Need to get 56.0 MB of archives.', { said: 'total', total: 56_000_000 }],
    ['Need to get 0 B/56.0 MB of archives.', { said: 'total', total: 0 }],
    [
      'Get:1 http://mirror.example/debian trixie/main amd64 libapparmor1 amd64 4.1.0-1 [43.7 kB]',
      { said: 'more', bytes: 43_700 },
    ],
    ['Fetched 56.0 MB in 0s (211 MB/s)', { said: 'over' }],
    ['Collecting torch==2.9.1 (from -r /opt/gpuhour/lock/pytorch-cuda.txt (line 143))', null],
    ['Successfully installed torch-2.9.1', null],
  ]
  for (const [line, said] of table) assert.deepEqual(downloadOf(line), said, line)
})

const layer = `sha256:${'4f'.repeat(32)}`

test('a line of BuildKit is read as what it is', () => {
  const table: readonly (readonly [string, ReturnType<typeof buildLineOf>])[] = [
    [
      '#4 [system 1/8] FROM docker.io/gpuhour/debian:trixie',
      { of: 4, is: 'step', stage: 'system', place: 1 },
    ],
    ['#6 [image 12/12] COPY guest/ /opt/', { of: 6, is: 'step', stage: 'image', place: 12 }],
    ['#6 [image  2/12] COPY guest/ /opt/', { of: 6, is: 'step', stage: 'image', place: 2 }],
    ['#5 [2/3] RUN true', { of: 5, is: 'step', stage: null, place: 2 }],
    ['#13 exporting to image', { of: 13, is: 'export' }],
    ['#9 1.234 Progress 0 of 17', { of: 9, is: 'output', text: 'Progress 0 of 17' }],
    ['#9 3.764   Downloading a-1.whl (1 kB)', { of: 9, is: 'output', text: '  Downloading a-1.whl (1 kB)' }],
    [
      `#4 ${layer} 10.49MB / 29.78MB 0.3s`,
      { of: 4, is: 'layer', layer, done: 10_490_000, total: 29_780_000 },
    ],
    // Version 20.10 repeats each step's own digest.
    [`#4 ${layer}`, null],
    ['#1 [internal] load build definition from Dockerfile', null],
    ['#1 transferring dockerfile: 2.98kB done', null],
    ['#9 CACHED', null],
    ['#9 DONE 6.2s', null],
    [
      '#9 ERROR: executor failed running [/bin/sh -c false]: exit code: 1',
      { of: 9, is: 'failed', text: 'executor failed running [/bin/sh -c false]: exit code: 1' },
    ],
    ['------', null],
    ['', null],
  ]
  for (const [line, read] of table) assert.deepEqual(buildLineOf(line), read, line)
})

function told(reader: BuildReader, lines: readonly string[]): readonly string[] {
  const shown = ({ step, steps, title, bytesDone, bytesTotal }: BuildProgress) =>
    `${step}/${steps} ${title}${bytesTotal === null ? '' : ` ${bytesDone} of ${bytesTotal}`}`
  return lines.flatMap((line) => {
    const progress = reader.read(line)
    return progress === null ? [] : [shown(progress)]
  })
}

test('a build tells its steps and the bytes of its downloads', () => {
  const reader = new BuildReader('base', stepsOf(dockerfile, null), 1, 7)
  const lines = [
    '#2 [internal] load .dockerignore',
    '#4 [system 1/4] FROM docker.io/gpuhour/debian:trixie',
    '#5 [system 2/4] RUN apt-get update  && apt-get install --yes       git',
    '#5 0.2 Get:1 http://mirror.example/debian trixie InRelease [140 kB]',
    '#5 2.0 Need to get 200 kB of archives.',
    '#5 2.1 Get:1 http://mirror.example/debian trixie/main amd64 git amd64 1 [150 kB]',
    '#5 2.2 Get:2 http://mirror.example/debian trixie/main amd64 less amd64 1 [50.0 kB]',
    '#5 2.3 Fetched 200 kB in 0s (9 MB/s)',
    '#5 DONE 3.0s',
    '#6 [system 3/4] COPY lock /lock',
    '#7 [system 4/4] RUN pip install',
    '#7 0.9   Downloading numpy-2.5.5-cp313-cp313-manylinux_2_28_x86_64.whl (16.6 MB)',
    '#7 1.0 Progress 0 of 16600000',
    '#7 1.1 Progress 16600000 of 16600000',
    '#7 1.2 Installing collected packages: numpy',
    '#8 [image 1/1] COPY guest/ /opt/',
    '#9 exporting to image',
    '#9 exporting layers 1.8s done',
  ]
  assert.deepEqual(told(reader, lines), [
    '2/7 base: the image that it stands on',
    '3/7 base: Debian packages',
    '3/7 base: Debian packages 0 of 200000',
    '3/7 base: Debian packages 150000 of 200000',
    '3/7 base: Debian packages 200000 of 200000',
    '3/7 base: Debian packages',
    '4/7 base: COPY lock /lock',
    '5/7 base: Python packages',
    '5/7 base: Python packages (numpy-2.5.5)',
    '5/7 base: Python packages (numpy-2.5.5) 0 of 16600000',
    '5/7 base: Python packages (numpy-2.5.5) 16600000 of 16600000',
    '5/7 base: Python packages',
    '6/7 base: first program',
    '7/7 base: writing the image',
  ])
  assert.equal(reader.failure(), null)
})

test('progress never goes back where cached steps are named out of order', () => {
  const reader = new BuildReader('base', stepsOf(dockerfile, null), 0, 6)
  const lines = [
    '#4 [system 1/4] FROM docker.io/gpuhour/debian:trixie',
    '#7 [system 4/4] RUN pip install',
    '#7 CACHED',
    '#5 [system 2/4] RUN apt-get update',
    '#5 CACHED',
    '#8 [image 1/1] COPY guest/ /opt/',
  ]
  assert.deepEqual(told(reader, lines), [
    '1/6 base: the image that it stands on',
    '4/6 base: Python packages',
    '5/6 base: first program',
  ])
})

test('a failure is told with the last lines of the step that failed', () => {
  const reader = new BuildReader('base', stepsOf(dockerfile, null), 0, 6)
  told(reader, [
    '#7 [system 4/4] RUN pip install',
    '#5 9.9 from another step',
    '#7 0.5 ERROR: THESE PACKAGES DO NOT MATCH THE HASHES',
    '#7 ERROR: executor failed running [/bin/sh -c pip install]: exit code: 1',
  ])
  assert.equal(
    reader.failure(),
    'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n' +
      'executor failed running [/bin/sh -c pip install]: exit code: 1',
  )
})
