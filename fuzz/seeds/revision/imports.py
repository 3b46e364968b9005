# coding: latin-1
revision = "one"
down_revision = None

from db.m0 import revision as down_revision
import db.m0 as m
revision = "two" + m.revision
