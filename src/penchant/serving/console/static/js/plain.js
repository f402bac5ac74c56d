/** A page without data of its own. */
import "./search.js";
