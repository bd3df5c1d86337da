"""What every long training needs: checkpoints, logs, alarms, Ctrl-C, little memory, several processes."""
