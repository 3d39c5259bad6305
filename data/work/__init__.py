"""What happens without anybody asking? The fold, the sweep, the simulator."""
