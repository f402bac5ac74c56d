/** Where an explanation is read. */

export const whyAddress = (user, item) => `/users/${encodeURIComponent(user)}/explanations/${encodeURIComponent(item)}`;
