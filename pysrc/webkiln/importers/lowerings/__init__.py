"""How operators that several formats have are expressed in canonical ones: functions of values of the graph and of numbers."""
