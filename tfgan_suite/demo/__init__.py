"""A static web page that runs the TFLite files of exports in the browser, with LiteRT.js."""
