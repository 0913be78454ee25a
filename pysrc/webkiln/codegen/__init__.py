"""Everything that is rendered or compiled from the operator table: JavaScript, C, WebAssembly."""
