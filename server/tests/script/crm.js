// Contacts of a CRM: what most script connectors do. Read a list page by page, make one, check the connection.

const base = () => floh.config.baseUrl;
const headers = () => ({ Authorization: `Bearer ${floh.config.apiKey}` });

function listContacts() {
  const { limit = 50, offset = 0 } = floh.params;
  const answer = floh.http.get(`${base()}/api/contacts?limit=${limit}&offset=${offset}`, headers());
  if (answer.status >= 400) return { success: false, error: `API returned ${answer.status}` };
  const { data: contacts, total } = answer.body;
  return { success: true, payload: { contacts, total }, variables: { contactCount: total } };
}

function createContact() {
  const { email, firstName, lastName } = floh.params;
  const contact = { email, first_name: firstName, last_name: lastName };
  // A text is sent as it is; that it is JSON is seen all the same.
  const answer = floh.http.post(`${base()}/api/contacts`, JSON.stringify(contact), headers());
  if (answer.status >= 400) return { success: false, error: `no contact was made: ${answer.status}` };
  return { success: true, payload: { contactId: answer.body.id } };
}

function test() {
  return { success: floh.http.get(`${base()}/api/health`, headers()).status < 400 };
}
