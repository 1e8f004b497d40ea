"""Human judgement as a measure: one web page from two folders of images, and its analysis.

python -m tfgan_suite study real/ samples/ --kind turing --out study.html
python -m tfgan_suite study --analyse answers_*.json
"""
