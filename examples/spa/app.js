import { config } from './config.js'
import { query } from './graphql.js'
import { createSession } from './session.js'
import { readReturn, startSignIn } from './sign-in.js'

const element = (id) => document.getElementById(id)

const session = createSession(config, show)

function show(current, problem) {
  element('signed-in').hidden = current === null
  element('signed-out').hidden = current !== null
  element('status').textContent = current ? `Signed in as ${current.username}.` : 'You are signed out.'
  showProblem(problem)
  if (!current) {
    element('answer').hidden = true
    return
  }
  element('roles').textContent = current.roles.join(', ')
  // The end is enough to tell tokens apart; the screen must not show a usable token.
  element('token').textContent = `… ${current.token.slice(-12)}`
  element('refresh-at').textContent =
    `at ${new Date(current.refreshAt).toLocaleTimeString()}, by one tab for all`
}

function showProblem(problem) {
  element('problem').hidden = !problem
  element('problem').textContent = problem?.message ?? ''
}

/** Runs `work` on a click, with the button disabled meanwhile, and shows its error. */
function onClick(id, work) {
  const button = element(id)
  button.addEventListener('click', async () => {
    button.disabled = true
    await work().catch(showProblem)
    button.disabled = false
  })
}

onClick('sign-in', () => startSignIn(config.gateway))
onClick('sign-out', () => session.signOut())
onClick('refresh', () => session.refresh())
onClick('ask', async () => {
  const data = await query(config.graphql, session, '{ user { id username } }')
  element('answer').hidden = false
  element('answer').textContent = JSON.stringify(data, null, 2)
})

try {
  const back = readReturn()
  await (back ? session.begin(back) : session.resume())
} catch (problem) {
  // A failed sign-in does not end an existing session.
  await session.resume()
  showProblem(problem)
}
