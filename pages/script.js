// Progressive enhancement: every page also works without this script.

const drawing = {
  show: 'M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12ZM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z',
  hide: 'M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12ZM4 4l16 16',
}

/** Adds a button that shows the password, and a hint while Caps Lock is on. */
function addTouches(field) {
  const input = field.querySelector('input')
  const button = document.createElement('button')
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('aria-hidden', 'true')
  svg.append(path)
  button.type = 'button'
  button.append(svg)
  const show = (isShown) => {
    input.type = isShown ? 'text' : 'password'
    button.setAttribute('aria-label', isShown ? field.dataset.hide : field.dataset.show)
    path.setAttribute('d', isShown ? drawing.hide : drawing.show)
  }
  button.addEventListener('click', () => show(input.type === 'password'))
  // Password managers require the type `password`.
  input.form.addEventListener('submit', () => show(false))
  show(false)
  field.append(button)

  const hint = document.createElement('p')
  hint.className = 'hint'
  hint.setAttribute('role', 'status')
  field.after(hint)
  const look = (event) => {
    hint.textContent = event.getModifierState?.('CapsLock') ? field.dataset.caps : ''
  }
  input.addEventListener('keydown', look)
  input.addEventListener('keyup', look)
  input.addEventListener('blur', () => {
    hint.textContent = ''
  })
}

for (const field of document.querySelectorAll('.secret')) addTouches(field)

// The server does not know the time zone of the browser.
for (const time of document.querySelectorAll('time')) {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium' })
  time.textContent = format.format(new Date(time.dateTime))
}

for (const form of document.forms) {
  form.addEventListener('submit', (event) => {
    if ('sent' in form.dataset) event.preventDefault()
    else form.dataset.sent = ''
    // After a cancelled request, the user may send the form again.
    setTimeout(() => delete form.dataset.sent, 10_000)
  })
}

// Removes the message from the address, so that a reload or the history does not show it again. A reload of the answer to a
// form then loads the page with GET, and does not send the form again.
const { pathname, search, hash } = location
history.replaceState(null, '', pathname.endsWith('/account') ? pathname : pathname + search + hash)

// A page from the back/forward cache may be out of date: the user may have signed in or out since.
window.addEventListener('pageshow', (event) => {
  if (event.persisted) location.replace(location.pathname + location.search)
})
