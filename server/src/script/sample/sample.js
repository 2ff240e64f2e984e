// A script connector, to read and to copy.
//
// Every command of the schema is a function of the same name. It reads floh.params (what the caller sent),
// floh.config (the connection) and floh.variables (what earlier steps of a run left), and returns
//   { success: true,  payload, variables }         or
//   { success: false, error, diagnostics }.
// This one keeps its data in the script itself. A real one asks a service:
//   var resp = floh.http.get(floh.config.baseUrl + "/employees", { Authorization: "Bearer " + floh.config.apiKey });
//   if (resp.status >= 400) return { success: false, error: "API returned " + resp.status };

var VERSION = "1.0.0";

var EMPLOYEES = [
  { id: "e-1001", email: "ada@example.com", firstName: "Ada", lastName: "Lovelace", department: "engineering" },
  { id: "e-1002", email: "grace@example.com", firstName: "Grace", lastName: "Hopper", department: "engineering" },
  { id: "e-1003", email: "mary@example.com", firstName: "Mary", lastName: "Seacole", department: "health" },
  { id: "e-1004", email: "emmy@example.com", firstName: "Emmy", lastName: "Noether", department: "research" },
  { id: "e-1005", email: "rosalind@example.com", firstName: "Rosalind", lastName: "Franklin", department: "research" },
];

// The command that the button "Test" runs. What it needs, it checks; here there is nothing that could fail.
function test() {
  floh.log.debug("testing the sample, version", VERSION);
  return {
    success: true,
    payload: { version: VERSION, employees: EMPLOYEES.length, greeting: floh.config.greeting },
  };
}

// Validation that a schema cannot express: one of two params must be there.
function lookupEmployee() {
  var id = floh.params.id;
  var email = floh.params.email && floh.params.email.toLowerCase();
  if (!id && !email) {
    return fail("Give an id or an email", { given: Object.keys(floh.params) });
  }
  var found = EMPLOYEES.find(function (employee) {
    return id ? employee.id === id : employee.email === email;
  });
  if (!found) {
    floh.log.warn("no employee " + (id || email));
    return fail("Employee not found", { id: id, email: email, known: EMPLOYEES.length });
  }
  // The payload stands under the step's output key; variables are read by name in every later step.
  return { success: true, payload: { employee: found }, variables: { employeeId: found.id, employeeEmail: found.email } };
}

function listEmployees() {
  var department = floh.params.department;
  var matching = EMPLOYEES.filter(function (employee) {
    return !department || employee.department === department;
  });
  floh.log.info("listing", matching.length, "employees");
  return {
    success: true,
    payload: { employees: matching.slice(0, floh.params.limit), total: matching.length },
    variables: { employeeCount: matching.length },
  };
}

// Collects all mistakes before it answers, so that a caller mends them in one go.
function createEmployee() {
  var mistakes = [];
  ["email", "firstName", "lastName"].forEach(function (name) {
    if (!floh.params[name]) mistakes.push({ field: name, message: "required" });
  });
  var email = floh.params.email || "";
  if (email && !/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email)) {
    mistakes.push({ field: "email", message: "not an email address" });
  }
  if (mistakes.length > 0) {
    floh.log.warn("refused a new employee:", mistakes);
    return fail("The employee cannot be created", { mistakes: mistakes });
  }
  if (EMPLOYEES.some(function (employee) { return employee.email === email.toLowerCase(); })) {
    return fail("An employee with this email exists", { email: email });
  }
  var employee = {
    id: "e-" + floh.util.sha256(email.toLowerCase()).slice(0, 8),
    email: email,
    firstName: floh.params.firstName,
    lastName: floh.params.lastName,
    department: floh.params.department,
    // Who asked for it, where an earlier step of the run says so.
    requestedBy: floh.variables.initiated_by || null,
  };
  floh.log.info("created " + employee.id + " (not really)");
  return { success: true, payload: { employee: employee }, variables: { employeeId: employee.id } };
}

// Everything that a script sees.
function echo() {
  return { success: true, payload: { params: floh.params, config: floh.config, variables: floh.variables } };
}

// A failure with what an operator needs to see why. Functions that are no command are the script's own.
function fail(error, diagnostics) {
  return { success: false, error: error, diagnostics: diagnostics };
}
