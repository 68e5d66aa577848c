export const HTTP_PORT = 80;
export const BULK_PORT = 5001;
/** A name that the lab's DNS server knows. */
export const KNOWN_NAME = "web.lab";
