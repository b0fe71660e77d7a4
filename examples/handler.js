// The minimal example of the guide of OpenSIPS' Python module, line by line in JavaScript.
class Test {
  constructor() {
    LM_INFO('Test class initialised')
  }

  child_init(y) {
    LM_INFO(`child_init(${y})`)
    this.rank = y
    return 0
  }

  request_route(msg) {
    if (msg.Method === 'REGISTER') LM_INFO(`a REGISTER for child ${this.rank}, from ${msg.src_address[0]}`)
    return 1
  }
}

function mod_init() {
  return new Test()
}
