"""Weather, household demand, cars and photovoltaics: pure functions of the absolute step."""
