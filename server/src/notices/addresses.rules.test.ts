import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AddressPolicy, checkUrl, isNamed, isNetwork, isPublic } from './addresses.rules.ts'

const internet: AddressPolicy = { networks: [] }
const lab: AddressPolicy = { networks: ['10.1.0.0/16', 'fd12:3456::/32', '192.168.7.9/32'] }

// What a platform could be made to reach, by where it is written down that it is not public.
const closed = `
0.0.0.0                    this host
0.1.2.3                    this network
10.0.0.1                   private
10.255.255.255             private
100.64.0.1                 carrier's NAT
100.127.255.254            carrier's NAT
127.0.0.1                  loopback
127.255.255.254            loopback
169.254.0.1                link-local
169.254.169.254            a cloud's metadata
169.254.170.2              a container's credentials
172.16.0.1                 private
172.31.255.255             private
192.0.0.192                a cloud's metadata
192.0.2.1                  documentation
192.88.99.1                6to4 relay
192.168.0.1                private
198.18.0.1                 benchmarks
198.51.100.7               documentation
203.0.113.7                documentation
224.0.0.1                  multicast
239.255.255.250            multicast
240.0.0.1                  reserved
255.255.255.255            broadcast
::                         unspecified
::1                        loopback
::ffff:127.0.0.1           loopback, mapped
::ffff:7f00:1              loopback, mapped
::ffff:169.254.169.254     metadata, mapped
::ffff:8.8.8.8             public, mapped: no such address is dialled
::127.0.0.1                loopback, compatible
64:ff9b::7f00:1            loopback by NAT64
64:ff9b::a9fe:a9fe         metadata by NAT64
64:ff9b:1::1               NAT64 of a local kind
100::1                     discard
2001::1                    Teredo
2001:0:4136:e378:8000:63bf:3fff:fdd2   Teredo
2001:10::1                 ORCHID
2001:db8::1                documentation
2002:7f00:1::              loopback by 6to4
2002:a9fe:a9fe::1          metadata by 6to4
3fff::1                    documentation
5f00::1                    segment routing
fc00::1                    unique local
fd00:ec2::254              a cloud's metadata
fdff::1                    unique local
fe80::1                    link-local
fe80::1%eth0               link-local with a scope
2606:4700::1111%eth0       a scope is meant for this machine
fec0::1                    site-local
ff02::1                    multicast
localhost                  no address at all
8.8.8                      no address at all
`
const open = `
1.1.1.1
8.8.8.8
93.184.216.34
100.63.255.255
100.128.0.1
169.253.255.255
172.15.255.255
172.32.0.1
192.167.255.255
192.169.0.1
223.255.255.255
2001:4860:4860::8888
2606:4700::1111
2a00:1450:4001:81b::200e
`
const lines = (table: string): string[] => table.trim().split('\n')

for (const line of lines(closed)) {
  const [address = '', ...why] = line.split(/ {2,}/)
  test(`${address} is not public: ${why.join(' ')}`, () => assert.equal(isPublic(address), false))
}

for (const address of lines(open)) test(`${address} is public`, () => assert.equal(isPublic(address), true))

test('an operator names what is allowed beside, exactly', () => {
  const cases: readonly (readonly [string, boolean])[] = [
    ['10.1.2.3', true],
    ['10.2.0.1', false],
    ['192.168.7.9', true],
    ['192.168.7.8', false],
    ['fd12:3456::1', true],
    ['fd12:3457::1', false],
    // The same four bytes in other clothes were not named.
    ['::ffff:10.1.2.3', false],
    ['2002:a01:203::1', false],
  ]
  for (const [address, expected] of cases) assert.equal(isNamed(address, lab), expected, address)
})

test('what is a network and what is none', () => {
  for (const text of ['10.0.0.0/8', '::/0', '192.168.7.9/32', 'fd00::/8']) assert.ok(isNetwork(text), text)
  for (const text of ['10.0.0.0', '10.0.0/8', '10.0.0.0/33', 'fd00::/129', 'lab/8', '10.0.0.0/8/8', '', '/'])
    assert.ok(!isNetwork(text), text)
})

// How somebody may try to write an address so that it is not seen for what it is.
const refused = `
http://example.com/                          plain
ftp://example.com/                           another scheme
file:///etc/passwd                           another scheme
gopher://example.com:443/                    another scheme
//example.com/                               no scheme
https://                                     no host
https:example.com                            no slashes
https://example.com:22/                      another port
https://example.com:0/                       another port
https://example.com:80/                      another port
https://user@example.com/                    a user
https://user:secret@example.com/             a password
https://example.com@127.0.0.1/               a user that looks like a host
https://example.com/#a                       a fragment
 https://example.com/                        a space before it
https://exa mple.com/                        a space in it
https:\\\\127.0.0.1/                           backslashes
https://127.0.0.1\\@example.com/              a backslash
https://127.0.0.1/                           loopback
https://127.1/                               short
https://127.0.1/                             short
https://2130706433/                          decimal
https://0x7f000001/                          hexadecimal
https://0x7f.0.0.1/                          hexadecimal in part
https://0177.0.0.1/                          octal
https://017700000001/                        octal
https://127.0.0.1./                          a dot behind it
https://１２７.０.０.１/                      other digits
https://①②⑦.0.0.1/                           circled digits
https://127。0。0。1/                          other dots
https://%31%32%37.0.0.1/                     escaped
https://0/                                   nothing
https://[::1]/                               loopback
https://[::]/                                unspecified
https://[0:0:0:0:0:0:0:1]/                   loopback, written out
https://[::ffff:127.0.0.1]/                  mapped
https://[::ffff:7f00:1]/                     mapped
https://[64:ff9b::127.0.0.1]/                NAT64
https://[2002:7f00:1::]/                     6to4
https://[fe80::1]/                           link-local
https://[fd00:ec2::254]/                     metadata
https://169.254.169.254/latest/meta-data/    metadata
https://2852039166/latest/                   metadata, decimal
https://0xa9fea9fe/                          metadata, hexadecimal
https://10.1.2.3/                            private, named by nobody here
`
for (const line of refused.slice(1, -1).split('\n')) {
  const [, url = '', why = ''] = /^(.*?) {2,}(\S.*)$/.exec(line) ?? []
  test(`refuses ${url}: ${why}`, () =>
    assert.ok('refused' in checkUrl(url.replaceAll('\\\\', '\\'), internet)))
}

test('takes what is on the public internet by TLS', () => {
  for (const url of [
    'https://example.com',
    'https://example.com/hooks?a=b',
    'https://example.com:8443/hooks',
    'HTTPS://Example.com/',
    'https://münchen.example/',
    'https://93.184.216.34/',
    'https://[2606:4700::1111]/',
  ])
    assert.ok('href' in checkUrl(url, internet), url)
  const checked = checkUrl('https://Example.com./a', internet)
  assert.deepEqual('host' in checked && [checked.host, checked.port, checked.needsNamed], [
    'example.com',
    443,
    false,
  ])
})

test('plain http and other ports only where networks are named, and only into those', () => {
  assert.ok('refused' in checkUrl('http://10.2.0.1:9000/', lab))
  assert.ok('refused' in checkUrl('http://93.184.216.34/', lab), 'named networks open no public http')
  assert.ok('href' in checkUrl('http://10.1.2.3:9000/hooks', lab))
  const byName = checkUrl('http://hooks.lab:9000/', lab)
  assert.ok('href' in byName && byName.needsNamed, 'the name is checked when it is dialled')
})
