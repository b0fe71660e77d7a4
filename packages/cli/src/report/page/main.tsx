import { render } from 'preact'
import 'uplot/dist/uPlot.min.css'
import './page.css'
import './call-list.css'
import './call-view.css'
import './message-view.css'
import { App } from './app.tsx'
import { Report } from './report.ts'
import { loadIndex } from './unpack.ts'
import { visible } from './words.ts'

const root = document.getElementById('app')!

loadIndex()
  .then((index) => {
    root.textContent = ''
    document.title = `${visible(index.script)}: siplet report`
    render(<App report={new Report(index)} />, root)
  })
  .catch((error: Error) => {
    root.textContent = `This report cannot be shown: ${error.message}`
  })
