var DEPARTMENTS = ['Engineering', 'Sales', 'Finance', 'People'];
var EMPLOYEES = [];
for (var i = 0; i < 100; i++) {
  EMPLOYEES.push({
    id: 'emp-' + (1000 + i),
    firstName: 'First' + i,
    lastName: 'Last' + i,
    email: 'first' + i + '.last' + i + '@example.com',
    department: DEPARTMENTS[i % DEPARTMENTS.length],
    title: i % 10 === 0 ? 'Lead' : 'Member',
    salary: 50000 + i * 125.5,
    active: i % 7 !== 0,
  });
}

function test() {
  return { success: true, payload: { version: '1.0.0', count: EMPLOYEES.length } };
}

function lookupEmployee() {
  var found = EMPLOYEES.find(function (one) {
    return one.id === floh.params.id || one.email === floh.params.email;
  });
  if (!found) {
    return { success: false, error: 'Employee not found', diagnostics: { id: floh.params.id } };
  }
  return { success: true, payload: { employee: found } };
}

function listEmployees() {
  var department = floh.params.department;
  var rows = department
    ? EMPLOYEES.filter(function (one) { return one.department === department; })
    : EMPLOYEES.slice();
  var limited = rows.slice(0, floh.params.limit || 100);
  floh.log.debug('listing ' + limited.length + ' of ' + rows.length);
  return {
    success: true,
    payload: { employees: limited, total: rows.length },
    variables: { employeeCount: rows.length },
  };
}
