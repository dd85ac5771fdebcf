// Progressive enhancement: a search within the page, and a button that copies an example.

const search = document.querySelector('#search')
const [field, status] = [search.querySelector('input'), search.querySelector('output')]
const main = document.querySelector('main')
const operations = [...main.querySelectorAll('.operation')]

/** Shows the operations with every word of the search, and their links; hides the rest of the page. */
function filter() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean)
  const found = operations.filter((operation) => {
    const text = operation.textContent.toLowerCase()
    const isFound = words.every((word) => text.includes(word))
    operation.hidden = !isFound
    document.querySelector(`nav [href="#${operation.id}"]`).parentElement.hidden = !isFound
    return isFound
  })
  main.classList.toggle('searching', words.length > 0)
  status.textContent = words.length > 0 ? `${found.length} of ${operations.length} operations` : ''
}

field.addEventListener('input', filter)
// A link to a hidden part ends the search.
window.addEventListener('hashchange', () => {
  const target = document.querySelector(':target')
  if (!target || target.checkVisibility()) return
  field.value = ''
  filter()
  target.scrollIntoView()
})
search.hidden = false
filter()

// Only a secure context has a clipboard.
for (const example of navigator.clipboard ? document.querySelectorAll('pre') : []) {
  const button = document.createElement('button')
  button.textContent = 'Copy'
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(example.querySelector('code').textContent)
    button.textContent = 'Copied'
    setTimeout(() => {
      button.textContent = 'Copy'
    }, 2000)
  })
  example.append(button)
}
