"""Speed, measured on whatever machine this is: `panda bench`. Nothing here is a test, and no test is timed."""
