// What is nicer with a script. Everything works without it.

const drawing = {
  show: 'M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12ZM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z',
  hide: 'M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12ZM4 4l16 16',
}

/** A button inside the field that shows the password, and a word while Caps Lock is on. */
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
  // A password manager must see a password.
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

for (const form of document.forms) {
  form.addEventListener('submit', (event) => {
    if ('sent' in form.dataset) event.preventDefault()
    else form.dataset.sent = ''
    // Whoever has stopped it may send it again.
    setTimeout(() => delete form.dataset.sent, 10_000)
  })
}

// What has been said once need not be said again by loading the page again or going back to it, and what answers a form
// is a page like any other from here on: neither of them sends the form once more.
const { pathname, search, hash } = location
history.replaceState(null, '', pathname.endsWith('/account') ? pathname : pathname + search + hash)

// A page that the browser has kept and brings back may be about somebody who has signed in or out meanwhile.
window.addEventListener('pageshow', (event) => {
  if (event.persisted) location.replace(location.pathname + location.search)
})
