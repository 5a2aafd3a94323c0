"""Behind `shipclock explain`: the trail that led to one alert."""
